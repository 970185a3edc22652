\set AUTOCOMMIT off
insert into log (line) values ('lost');
rollback;
insert into log (line) values ('kept');
select 1/0;
select 1;
rollback;
vacuum;
rollback;
select count(*) from log; commit;
