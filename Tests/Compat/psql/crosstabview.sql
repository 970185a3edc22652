select id % 3 as row, id % 2 as col, count(*) from items group by 1, 2 order by 1, 2
  \crosstabview row col count
select 1, 2 \crosstabview
