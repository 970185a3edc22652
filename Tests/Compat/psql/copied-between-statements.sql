create temp table t (i int); copy t from program 'false';
select 1; copy t from stdin;
1
2
\.
select sum(i) from t; select 1\; copy t to stdout \; select 2;
