;
;;
-- only a comment
/* another */;
select;
select 1\; select 2\; select 3;
select 1 \; select 1/0 \; select 3;
select '';
values (1, 'a'), (2, null);
table empty;
select from items limit 2;
explain (costs off) select * from items where id = 1;
explain (analyze, costs off, timing off, summary off) select * from items where id = 1;
create table made as select 1 as i; insert into made select 2 returning i, i * 2;
update made set i = i + 1 returning *; delete from made; merge into made using items on false
  when not matched and items.id < 3 then insert values (items.id);
truncate made; drop table made;
