create schema one; create table one.t (i int primary key, j int references one.t);
create index concurrently on one.t (j); alter table one.t add k text default 'x';
create materialized view one.m as select * from items; refresh materialized view one.m;
create trigger t before update on one.t for each row execute function note_insert();
create policy p on one.t using (true); alter table one.t enable row level security;
create publication pub; create sequence one.s; select nextval('one.s'), currval('one.s'), lastval();
vacuum analyze items; analyze verbose parts; cluster items using items_name; reindex table items;
lock table items; grant select on items to public; \dp items
drop schema one; drop schema one cascade;
