-- +goose Up

-- An effect that a pause keeps from beginning is a paused effect: hold said three things.
alter table holds rename to paused_effects;
alter index holds_pkey rename to paused_effects_pkey;
alter index holds_enrollment_id_step_key_n_key rename to paused_effects_enrollment_id_step_key_n_key;
alter index holds_open rename to paused_effects_open;
alter index holds_due rename to paused_effects_due;

-- For the build before this one, which may still run.
create view holds as select * from paused_effects;
