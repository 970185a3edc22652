\pset null '(null)'
\pset linestyle unicode
\pset border 2
select id, name, price, tags, null as nothing from items order by id limit 4;
\pset format csv
select * from items order by id limit 2;
\pset format html
select 1 as "<a>", E'x\ny' as "two lines";
\pset format unaligned
\pset tuples_only on
table parts order by item, serial limit 3;
