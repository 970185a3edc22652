call twice(21);
do $$ begin raise info 'in a block'; end $$;
do $$ begin for i in 1..3 loop insert into log (line) values (i); commit; end loop; end $$;
begin; call twice(1); rollback;
select * from swap(1, 'x');
select count(*) from log;
