select format('create table made_%s (i int)', n), format('insert into made_%s values (%s)', n, n)
  from generate_series(1, 3) n \gexec
select 'select 1/0', 'select ''after''' \gexec
select null, 'select 2' \gexec
\dt made_*
