package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// installation is how large the one is that the pages of Studio are measured on.
type installation struct {
	contacts, events, sends int
}

// busiest is how many events the contact has whose page is measured by itself.
func (i installation) busiest() int { return min(100_000, i.events/10) }

// studioPerson is the id of the contact of a number.
const studioPerson = `(lpad(to_hex(%s), 12, '0') || '70008000000000000000')::uuid`

// fill stores a month of an installation: people with two ids and an address, their events
// in order of time, a fifth of them in a journey once, every tenth of those still in it,
// mails in every state, buckets, decisions, steps, refusals, letters and a log.
func (i installation) fill(ctx context.Context, pool *pgxpool.Pool) error {
	began := time.Now().Add(-30 * 24 * time.Hour)
	person := func(n string) string { return fmt.Sprintf(studioPerson, n) }
	journeys := `(array['activation-welcome','trial-ending','payment-failed','onboarding-tips'])[1 + n % 4]`
	for _, step := range []struct {
		what, sql string
		args      []any
	}{
		{"contacts", `insert into contacts (id, external_id, email, email_key, properties, first_seen_at, last_seen_at, created_at, updated_at)
			select ` + person("n") + `, 'user-' || n, 'person' || n || '@mail' || n % 997 || '.example', 'person' || n || '@mail' || n % 997 || '.example',
				'{"plan": "free", "seats": 3}', $1, now(), $1, now() from generate_series(0, $2::bigint - 1) n`, []any{began, i.contacts}},
		{"keys", `insert into contact_keys (kind, key, contact_id, created_at) select 'user', external_id, id, created_at from contacts`, nil},
		{"events", `insert into events (id, contact_id, name, properties, source, occurred_at, received_at)
			select (lpad(to_hex(n), 12, '0') || '70018000000000000000')::uuid, ` + person("case when n % ($3::bigint / $4::bigint) = 0 then 0 else n * 7919 % $2::bigint end") + `,
				(array['app.active','page.viewed','feature.used','checkout.started','comment.received','email.opened'])[1 + n % 6], '{"path": "/pricing", "seconds": 12}', 'api', at, at
			from (select n, $1::timestamptz + interval '30 days' * (n::float8 / $3::bigint) as at from generate_series(0, $3::bigint - 1) n) e`, []any{began, i.contacts, i.events, i.busiest()}},
		{"enrollments", `insert into enrollments (id, contact_id, journey_id, entry, status, node, trigger_event_id, trigger_seq, version, build_id, workflow_id, error, exit_reason, completed_at, exited_at, created_at, updated_at)
			select (lpad(to_hex(n), 12, '0') || '70028000000000000000')::uuid, ` + person("n * 5") + `, ` + journeys + `, 1,
				s, case when s = 'waiting' then (array['wait:48h','wait-event:feature.used','send:nudge'])[1 + n % 3] else 'send:nudge' end,
				(lpad(to_hex(n * 40), 12, '0') || '70018000000000000000')::uuid, n * 40 + 1, '', '3f9c2ab', 'journey-' || ` + journeys + ` || '/' || ` + person("n * 5") + `::text || '/1',
				case when s = 'failed' then 'render template: missing prop name' end, case when s = 'exited' then 'event' end, case when s = 'completed' then at end, case when s = 'exited' then at end, at, at
			from (select n, case when n % 10 = 0 then 'waiting' when n % 53 = 1 then 'failed' when n % 7 = 3 then 'exited' else 'completed' end as s,
				$1::timestamptz + interval '30 days' * (n::float8 / $2::bigint) as at from generate_series(0, $2::bigint - 1) n) e`, []any{began, i.contacts / 5}},
		{"waits", `insert into waits (id, enrollment_id, contact_id, step_key, label, event_name, deadline, status, registered_at)
			select gen_random_uuid(), id, contact_id, 'w', node, case when node like 'wait-event%' then 'feature.used' end, now() + random() * interval '9 days', 'open', updated_at
			from enrollments where status = 'waiting' and node like 'wait%'`, nil},
		{"steps", `insert into step_logs (enrollment_id, step_key, action, from_node, to_node, build_id, at)
			select id, k::text, 'transition', 'start', (array['send:welcome','wait:48h','send:nudge'])[k], '3f9c2ab', updated_at from enrollments, generate_series(1, 3) k`, nil},
		{"decisions", `insert into decisions (id, at, type, contact_id, journey_id, event_id, event_name, outcome, reason)
			select (lpad(to_hex(n), 12, '0') || '70038000000000000000')::uuid, $1::timestamptz + interval '30 days' * (n::float8 / $3::bigint), 'enrollment', ` + person("n * 7919 % $2::bigint") + `, ` + journeys + `,
				(lpad(to_hex(n * 10), 12, '0') || '70018000000000000000')::uuid, 'app.active', case when n % 5 = 0 then 'enrolled' else 'skipped' end, case when n % 5 > 0 then 'trigger_conditions_not_met' end
			from generate_series(0, $3::bigint - 1) n`, []any{began, i.contacts, i.events / 10}},
		{"mails", `insert into sends (id, key, contact_id, enrollment_id, journey_id, template_key, category, status, reason, from_email, to_email, subject, html, text, provider_id, claimed_at, sent_at, delivered_at, opened_at, created_at, updated_at)
			select (lpad(to_hex(n), 12, '0') || '70048000000000000000')::uuid, 'send-' || n, ` + person("n * 7919 % $2::bigint") + `, (lpad(to_hex(n % ($2::bigint / 5)), 12, '0') || '70028000000000000000')::uuid, ` + journeys + `,
				(array['welcome','nudge','trial-ending','tip'])[1 + n % 4], 'journey', s, case when s in ('suppressed', 'skipped') then 'frequency_capped' end, 'hi@example.com',
				'person' || n * 7919 % $2::bigint || '@mail' || (n * 7919 % $2::bigint) % 997 || '.example', 'Hello', case when n % 100 = 0 then '<p>Hello</p>' else '' end, '', 're_' || n,
				case when s not in ('suppressed', 'skipped') then at end, case when s not in ('suppressed', 'skipped', 'failed') then at end, case when s in ('delivered', 'opened') then at end, case when s = 'opened' then at end, at, at
			from (select n, case when n % 31 = 0 then 'failed' when n % 23 = 0 then 'skipped' when n % 29 = 0 then 'suppressed' when n % 3 = 0 then 'opened' else 'delivered' end as s,
				$1::timestamptz + interval '30 days' * (n::float8 / $3::bigint) as at from generate_series(0, $3::bigint - 1) n) e`, []any{began, i.contacts, i.sends}},
		{"memberships", `insert into memberships (id, bucket_id, contact_id, epoch, status, source, entered_at, anchor_at, last_evaluated_at, left_at, left_reason, created_at, updated_at)
			select gen_random_uuid(), (array['went-dormant','power-users'])[1 + n % 2], ` + person("n") + `, 1, s, 'event', at, at, at, case when s = 'left' then at + interval '1 hour' end, case when s = 'left' then 'criteria' end, at, at
			from (select n, case when n % 3 = 0 then 'left' else 'active' end as s, $1::timestamptz + interval '30 days' * (n::float8 / $2::bigint) as at from generate_series(0, $2::bigint - 1) n) m`, []any{began, i.contacts / 2}},
		{"preferences", `insert into preferences (id, email, email_key, contact_id, unsubscribed_all, suppressed, suppression_reason, suppressed_at, created_at, updated_at)
			select gen_random_uuid(), c.email, c.email_key, c.id, n % 3 > 0, n % 3 = 0, case when n % 3 = 0 then 'bounce' end, case when n % 3 = 0 then now() end, now(), $1::timestamptz + interval '30 days' * (n::float8 / $2::bigint)
			from generate_series(0, $2::bigint / 20 - 1) n join contacts c on c.id = ` + person("n * 20"), []any{began, i.contacts}},
		{"log", `insert into audit_logs (id, actor_type, actor, action, resource, resource_id, contact_id, request_id, created_at)
			select gen_random_uuid(), 'user', 'eve@example.com', 'contacts.update', 'contacts', ` + person("n") + `::text, ` + person("n") + `, 'r', $1::timestamptz + interval '30 days' * (n::float8 / $2::bigint) from generate_series(0, $2::bigint - 1) n`, []any{began, i.contacts / 10}},
		{"letters", `insert into dead_letters (id, source, source_id, payload, error, retry_count, created_at, updated_at) select gen_random_uuid(), 'outbox.start', n::text, '{}', '503 Service Unavailable', 15, now(), now() from generate_series(1, 2000) n`, nil},
		{"workers", `insert into worker_heartbeats (id, build_id, registry_digest, task_queue, started_at, last_seen_at) select 'worker-' || n, '3f9c2ab', 'd', 'hogsend', now(), now() + interval '1 day' from generate_series(1, 3) n`, nil},
	} {
		began := time.Now()
		if _, err := pool.Exec(ctx, step.sql, step.args...); err != nil {
			return fmt.Errorf("store %s: %w", step.what, err)
		}
		fmt.Fprintf(os.Stderr, "stored %s in %s\n", step.what, time.Since(began).Round(time.Millisecond))
	}
	if _, err := pool.Exec(ctx, "vacuum analyze"); err != nil {
		return fmt.Errorf("analyze: %w", err)
	}
	return nil
}
