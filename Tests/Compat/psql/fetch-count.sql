\set FETCH_COUNT 7
select id, name from items order by id;
select * from empty;
select 10 / (4 - id) from items order by id;
select talk(1);
begin; select id from items order by id limit 20; commit;
insert into log (line) values ('x') returning line;
