select id, name from items order by id limit 3 \g out.txt
\! cat out.txt
select 1 as one \g | tr 1 9
select 1 as one \gx
select 2 as two \g (format=csv tuples_only=on)
\o more.txt
select 3;
\o
\! cat more.txt
