-- name: AnswerGet :many
select * from answers where send_id = @send_id and event = @event;

-- name: AnswerInsert :execrows
-- The first answer stays (E-86).
insert into answers (send_id, event, properties, answered_at) values (@send_id, @event, @properties, @at) on conflict do nothing;

-- name: AnswerComment :execrows
-- The first comment stays.
update answers set comment = @comment::text, commented_at = @at::timestamptz where send_id = @send_id and event = @event and comment is null;
