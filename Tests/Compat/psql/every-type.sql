\x
select * from everything;
