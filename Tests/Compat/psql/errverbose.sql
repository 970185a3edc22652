select * from nowhere;
\errverbose
insert into items (id, name) values (1, 'x');
\errverbose
select fail('verbose');
\errverbose
