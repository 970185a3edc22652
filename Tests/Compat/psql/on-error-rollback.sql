\set ON_ERROR_ROLLBACK on
begin; insert into log (line) values ('first'); select 1/0; select * from nowhere;
insert into log (line) values ('second'); savepoint mine; select 1/0; rollback to mine; commit;
select line from log order by line;
