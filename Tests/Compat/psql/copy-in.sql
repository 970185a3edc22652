copy log (line) from stdin;
one
two \t tab
\N
\.
copy items (name, price) from stdin with (format csv);
a,1
"b ""quoted"" ",2.5
\.
copy items (name, price) from stdin;
c	not a number
d	2
\.
copy items (name, price) from stdin;
too	many	columns
\.
copy items (name, price) from stdin;
\.
copy nowhere from stdin;
select count(*), max(id) from items;
\copy log (line) from program 'seq 1 3'
\copy items from 'no such file'
\copy (select * from items order by id) to 'i.bin' binary
create table twin (like items);
\copy twin from 'i.bin' binary
select count(*) = (select count(*) from items) from twin;
\copy twin from program 'echo nonsense' binary
select line from log order by line;
