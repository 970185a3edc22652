select lo_create(4711), lo_from_bytea(4712, '\x000102');
select lo_put(4711, 0, decode(repeat('ab', 5000), 'hex'));
select length(lo_get(4711)), lo_get(4712), lo_get(4711, 4998, 10);
\lo_list
begin; select lo_open(4712, 131072); select loread(0, 2), lo_lseek(0, 0, 0), lo_tell(0);
select lo_close(0); commit;
select lo_unlink(4711), lo_unlink(4712);
select lo_get(4711);
