select json_agg(n) from generate_series(1, 2000) n;
select repeat('x', 1000000);
select count(*) from (select generate_series(1, 200000)) s;
select array_agg(n) from generate_series(1, 500) n \gx
select 1 as a1, 2 as a2, 3 as a3, 4 as a4, 5 as a5, 6 as a6, 7 as a7, 8 as a8, 9 as a9, 10;
\t
select n, md5(n::text) from generate_series(1, 20000) n;
