-- name: AlertRulesCount :one
select count(*) from alert_rules;

-- name: AlertRulesList :many
select * from alert_rules order by created_at, id limit @row_limit offset @row_offset;

-- name: AlertRuleGet :many
select * from alert_rules where id = @id;

-- name: AlertRulesEnabled :many
select id, name from alert_rules where enabled order by id;

-- name: AlertRuleInsert :exec
insert into alert_rules (id, name, type, threshold, channel, config, shown, enabled, cooldown_minutes, created_at, updated_at)
values (@id, @name, @type, @threshold, @channel, @config, @shown, @enabled, @cooldown_minutes, @now, @now);

-- name: AlertRuleEdit :many
select * from alert_rules where id = @id for update;

-- name: AlertRuleUpdate :exec
update alert_rules
set name = @name, threshold = @threshold, config = @config, shown = @shown, enabled = @enabled, cooldown_minutes = @cooldown_minutes, updated_at = @now
where id = @id;

-- name: AlertRuleDelete :execrows
delete from alert_rules where id = @id;

-- name: AlertRuleClaim :many
-- The rule, if nobody else evaluates it and nothing of it is being delivered (O-13).
select * from alert_rules
where alert_rules.id = @id and alert_rules.enabled and not exists (select 1 from alert_history h where h.rule_id = alert_rules.id and h.status = 'pending')
for update skip locked;

-- name: AlertFire :exec
-- Destinations that listen are told along (P-17).
with fired as (
    insert into alert_history (id, rule_id, payload, created_at) values (@id, @rule_id, @payload, @now) returning *
)
select hogsend_hook('alert.fired', null, f.id::text, f.created_at, jsonb_build_object('alert', f.payload)) from fired f;

-- name: AlertsPending :many
select id from alert_history where status = 'pending' order by created_at, id;

-- name: AlertGet :many
-- A firing that is to be delivered, with its rule.
select h.payload, h.created_at, r.name, r.channel, r.config
from alert_history h join alert_rules r on r.id = h.rule_id
where h.id = @id and h.status = 'pending';

-- name: AlertSettle :exec
-- The first outcome stands; a delivery begins the cooldown of its rule (O-15).
with done as (
    update alert_history h set status = @status, error = sqlc.narg('error'), settled_at = clock_timestamp()
    where h.id = @id and h.status = 'pending'
    returning h.rule_id, h.status
)
update alert_rules set last_fired_at = clock_timestamp() from done where done.status = 'delivered' and alert_rules.id = done.rule_id;

-- name: AlertHistoryCount :one
select count(*) from alert_history
where status <> 'pending' and (sqlc.narg('rule_id')::uuid is null or rule_id = sqlc.narg('rule_id'))
    and (sqlc.narg('since')::timestamptz is null or created_at >= sqlc.narg('since')) and (sqlc.narg('until')::timestamptz is null or created_at <= sqlc.narg('until'));

-- name: AlertHistoryList :many
select * from alert_history
where status <> 'pending' and (sqlc.narg('rule_id')::uuid is null or rule_id = sqlc.narg('rule_id'))
    and (sqlc.narg('since')::timestamptz is null or created_at >= sqlc.narg('since')) and (sqlc.narg('until')::timestamptz is null or created_at <= sqlc.narg('until'))
order by created_at desc, id desc limit @row_limit offset @row_offset;

-- name: AlertHistoryClean :exec
-- Firings are kept for 90 days (O-34).
delete from alert_history where status <> 'pending' and created_at < @before;

-- name: AlertMails :one
-- What became of the mails of a window. Judged are those of which something is known, or
-- should be by now.
select count(*) as sent, count(bounced_at) as bounced, count(complained_at) as complained,
    count(*) filter (where coalesce(delivered_at, opened_at, clicked_at) is not null) as delivered,
    count(*) filter (where coalesce(delivered_at, opened_at, clicked_at, bounced_at) is not null or sent_at < @known::timestamptz) as judged
from sends
where sent_at > @since::timestamptz and sent_at <= @now::timestamptz and not test;

-- name: AlertFailures :one
select count(*) from enrollments where status = 'failed' and updated_at > @since::timestamptz and updated_at <= @now::timestamptz;

-- name: AlertStranded :one
select count(distinct enrollment_id) from enrollment_issues where kind = 'stranded';

-- name: AlertLetters :one
select count(*) from dead_letters where status = 'pending' and updated_at > @since::timestamptz and updated_at <= @now::timestamptz;
