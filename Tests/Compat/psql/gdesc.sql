select * from items \gdesc
select 1 as a, 'x'::text as b, null as c, array[1.5] as d, now() as e \gdesc
select nothing \gdesc
insert into log values (now(), 'x') \gdesc
\gdesc
begin;
select 1 \gdesc
commit;
