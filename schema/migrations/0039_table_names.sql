-- +goose Up

-- Tables by the words of the glossary. The build before this one finds them by their old
-- names: a view of one table reads and writes like it.
alter table troubles rename to enrollment_issues;
alter table settled rename to backfilled_contacts;
alter table arming rename to timer_backfills;
create view troubles as select * from enrollment_issues;
create view settled as select * from backfilled_contacts;
create view arming as select * from timer_backfills;
