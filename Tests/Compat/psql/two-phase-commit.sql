begin; insert into log (line) values ('prepared'); prepare transaction 'one';
select gid, owner, database from pg_prepared_xacts;
select count(*) from log;
commit prepared 'one';
select count(*) from log;
rollback prepared 'none';
