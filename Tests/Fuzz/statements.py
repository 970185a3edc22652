"""The SQL that sequences are made of: whatever it does, two equal databases do it equally.

Rows come in a stated order, or from `fixed`, which nothing changes: when PostgreSQL takes room back
within a page depends on the time, and so does where a new row goes.
"""

SCHEMA = """
create table item (id int primary key, name text, price numeric(10,2), at date);
create table audit_note (id serial, note text);
create table pair (a int unique deferrable initially deferred, b bytea);
create table child (id int, item int references item deferrable initially deferred);
create table inbox (a int, b text);
create type mood as enum ('sad', 'ok', 'happy');
create table feeling (id int, m mood, tags text[], doc jsonb);
create function shout(what text) returns text language plpgsql as
  $$ begin raise notice 'heard %', what; return upper(what); end $$;
create function refuse(code text) returns void language plpgsql as
  $$ begin raise exception 'refused %', code using errcode = code, hint = 'no', detail = 'way';
  end $$;
create function noted() returns trigger language plpgsql as
  $$ begin insert into audit_note (note) values (new.id::text);
  raise notice 'noted %', new.id; return new; end $$;
create trigger note after insert on item for each row execute function noted();
create table fixed as select n as id, 'fixed ' || n as name from generate_series(1, 40) n;
create view cheap as select id, name from item where price < 20;
"""

TABLES = ["item", "audit_note", "pair", "child", "inbox", "feeling"]

OTHERS = """
select count(*) from pg_stat_activity where datname = current_database()
  and backend_type = 'client backend' and pid <> pg_backend_pid()
"""

END_OTHERS = """
select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()
  and backend_type = 'client backend' and pid <> pg_backend_pid()
"""

# `inbox` is made anew, because columns that were dropped count for its limit of columns.
RESET = """
truncate item, audit_note, pair, child, feeling restart identity;
drop table inbox;
create table inbox (a int, b text);
alter table inbox owner to fuzz;
set session_replication_role = replica;
insert into item select n, 'item ' || n, n * 3.5, date '2024-01-01' + n
  from generate_series(1, 30) n;
insert into pair select n, decode(md5(n::text), 'hex') from generate_series(1, 10) n;
insert into feeling values (1, 'ok', '{a,b}', '{"k": 1}'), (2, null, null, null);
set session_replication_role = origin;
drop table if exists made;
"""

# One row for each table, one for what there is.
DIGEST = " union all ".join(
    [f"select '{name}: ' || count(*) || ' ' "
     f"|| coalesce(md5(string_agg(r::text, chr(10) order by r::text)), '') from {name} r"
     for name in TABLES]
    + ["select 'sequence: ' || last_value || is_called from audit_note_id_seq",
       "select 'columns: ' || string_agg(attname || atttypid, ' ' order by c.oid, attnum) "
       "from pg_attribute a join pg_class c on c.oid = attrelid where attnum > 0 "
       "and not attisdropped and relnamespace = 'public'::regnamespace "
       "and relname <> 'inbox' and relname <> 'made'",
       "select 'inbox: ' || string_agg(attname, ' ' order by attnum) from pg_attribute "
       "where attnum > 0 and not attisdropped and attrelid = 'inbox'::regclass",
       "select 'made: ' || count(*) from pg_class where relname = 'made'",
       "select 'large objects: ' || count(*) from pg_largeobject_metadata"])

READS = [
    "select 1", "select 1 as a, 'two' as b, null::int as c, 4.5 as d",
    "select * from item order by id", "select id, name from item where id < 5 order by id",
    "select * from cheap order by id", "select * from feeling order by id",
    "select generate_series(1, 50)", "select generate_series(1, 2000)",
    "select repeat('x', 9000)", "select repeat('long ', 30000)",
    "select g, repeat(md5(g::text), 40) from generate_series(1, 120) g",
    "select shout('hey')", "select shout(name) from item where id < 4 order by id",
    "values (1, 'a'), (2, 'b')", "select", "select ''", "select null",
    "select count(*), sum(price) from item", "table fixed", "select * from pair order by a",
    "select e'\\n\\t\\'quoted\\''", "select $tag$ ; not a statement ' $tag$",
    "select 'a' /* ; comment */ , 2 -- end", "select 'ünïcödé ✓ 漢字'",
    "select decode('00ff10', 'hex')", "select array[1,2,null]", "select '{\"a\": [1, 2]}'::jsonb",
    "select true, false, 1.5::float8, 2::int8, 3::int2, 'x'::char(3), date '2020-02-29'",
    "select interval '1 day 02:03', timestamp '2001-02-03 04:05:06.789', 'infinity'::float4",
    "show transaction_isolation", "show datestyle", "show server_version_num",
    "explain (costs off) select * from item where id = 3",
]

WRITES = [
    "insert into item values (100, 'new', 9.99, '2024-05-05')",
    "insert into item values (101, 'a'), (102, 'b') returning id, name",
    "insert into item values (100, 'again') on conflict (id) do update set name = 'twice'",
    "update item set price = price + 1 where id < 10", "update item set name = null where id = 3",
    "with changed as (update item set name = upper(name) where id < 6 returning *) "
    "select * from changed order by id",
    "delete from item where id > 25", "delete from item where id = 2 returning name",
    "insert into pair values (500, '\\x00ff')", "insert into pair values (1, 'dup')",
    "insert into child values (1, 9999)", "insert into child values (2, 5)",
    "insert into inbox select n, 'row ' || n from generate_series(1, 40) n",
    "insert into feeling values (9, 'happy', array['x'], '[]')", "truncate inbox",
    "create temp table scratch (x int)", "insert into scratch values (1)", "drop table scratch",
    "create table if not exists made (x int)", "drop table if exists made", "drop table made",
    "alter table inbox add column if not exists c int", "alter table inbox drop column if exists c",
    "select nextval('audit_note_id_seq')", "lock table item in share mode",
    "with gone as (delete from inbox returning a) select count(*) from gone",
    "create temp table if not exists kept as select 1 as one", "select * from kept",
]

ERRORS = [
    "select 1/0", "selec 1", "select * from nowhere", "select nocolumn from item",
    "insert into item values (1, 'dup')", "select 'a'::int", "select refuse('22012')",
    "select refuse('P0001')", "select refuse('40001')", "insert into feeling values (1, 'furious')",
    "select 1; ; selec", "select $1", "select (select id from item)", "select ''::date", "'",
    "select 1 from generate_series(1, 100) g where 1 / (g - 60) > 5", "select \"", "/* open",
    "select 1/(g - 90) from generate_series(1, 100) g", "do $$ begin raise exception 'do'; end $$",
    "vacuum nowhere", "select set_config('no.such', 'x', false), 1/0", "copy nowhere from stdin",
    "select 'x' \\ 'y'", "fetch 1 from nocursor", "execute noprepared", "commit prepared 'no'",
]

TRANSACTIONS = [
    "begin", "begin", "commit", "commit", "rollback", "start transaction read only", "end", "abort",
    "begin isolation level serializable", "savepoint a", "savepoint b", "rollback to a",
    "rollback to savepoint b", "release a", "release savepoint b", "commit and chain",
    "rollback and chain", "set transaction read only", "set constraints all immediate",
    "set constraints all deferred", "begin; select 1; commit", "begin; select 1/0; commit",
]

SQL_PREPARED = [
    "prepare ps as select 1", "prepare ps2 (int) as select * from item where id = $1",
    "prepare s1 as select 'made by sql'", "execute ps", "execute ps2(3)", "execute ps2('x')",
    "execute s1", "execute s2", "deallocate ps", "deallocate s1", "deallocate s2",
    "deallocate all", "deallocate none",
    "declare cu cursor for select * from item order by id", "fetch 3 from cu", "fetch all from cu",
    "declare cu scroll cursor with hold for select generate_series(1, 9)", "move 2 in cu",
    "fetch backward 2 from cu", "close cu", "close all", "close p1",
    "declare p1 cursor for select 'cursor p1', g from generate_series(1, 5) g",
    "begin; declare cu cursor for values (1), (2), (3); fetch 2 from cu; close cu; commit",
    "discard plans", "discard temp", "discard sequences",
    "select name, statement, from_sql from pg_prepared_statements order by name",
    "select name, statement, is_holdable from pg_cursors order by name",
]

SESSION = [
    "set datestyle to 'German'", "set datestyle to iso, mdy", "set intervalstyle to iso_8601",
    "reset intervalstyle", "set timezone to 'Asia/Tokyo'", "set time zone 'UTC'",
    "set local timezone to 'America/New_York'", "set client_min_messages to warning",
    "set client_min_messages to debug1", "reset client_min_messages", "set bytea_output to escape",
    "reset bytea_output", "set extra_float_digits to 0", "set search_path to pg_catalog, public",
    "reset search_path", "set no_such_setting to 1", "set local datestyle to sql",
    "select set_config('intervalstyle', 'sql_standard', true)", "set client_encoding to 'UTF8'",
    "set application_name to 'renamed'", "set default_transaction_read_only to on",
    "set default_transaction_read_only to off", "set statement_timeout to '1h'",
    "set plan_cache_mode to force_generic_plan", "reset plan_cache_mode", "set role none",
    "set session characteristics as transaction isolation level repeatable read",
    "set session characteristics as transaction isolation level read committed",
]

NOTIFICATIONS = [
    "listen news", "listen other", "unlisten news", "unlisten *", "notify news",
    "notify news, 'payload'", "notify other, 'x'", "select pg_notify('news', repeat('n', 100))",
    "begin; listen news; notify news, 'self'; commit", "notify news; notify news, 'two'",
]

NOTICES = [
    "do $$ begin raise notice 'one'; raise warning 'two'; end $$",
    "do $$ begin for i in 1..40 loop raise notice 'n %', i; end loop; end $$",
    "do $$ begin raise info 'info'; perform 1/0; end $$",
    "drop table if exists nowhere_at_all", "do $$ begin raise notice '%', repeat('z', 20000); end $$",
]

SEVERAL = [
    "select 1; select 2", "select 1;;select 3;", "insert into inbox values (1, 'm'); select 1/0",
    "select 1; begin; insert into inbox values (2, 'm')", "begin; select 1; rollback; select 2",
    "insert into inbox values (3, 'x'); commit; select 1/0", "select 1; selec 2",
    "set datestyle to iso; select date '2020-01-02'", "select generate_series(1,3); select 4;",
    "listen news; notify news, 'in one'; select 1", "prepare m as select 5; execute m; deallocate m",
    "copy fixed to stdout; select 1", "select 1; copy inbox from stdin; select 2",
    "copy inbox from stdin; copy inbox from stdin", "select 1; rollback; select 2",
    "create temp table tt (a int); insert into tt values (1); select * from tt; drop table tt",
]

EMPTY = ["", " ", ";", ";;", "-- nothing", "/* nothing */"]

COPY_IN = [
    "copy inbox from stdin", "copy inbox (a, b) from stdin with (format csv)",
    "copy inbox from stdin with (format binary)", "copy inbox (b) from stdin",
    "copy inbox (a) from stdin with (header true, format csv)", "copy item from stdin",
    "copy pair from stdin",
]

COPY_OUT = [
    "copy fixed to stdout", "copy (select * from item order by id) to stdout",
    "copy (select generate_series(1, 300)) to stdout",
    "copy fixed to stdout with (format csv, header)", "copy fixed to stdout with (format binary)",
    "copy (select 1/(g - 40) from generate_series(1, 50) g) to stdout",
    "copy (select repeat('w', 5000) from generate_series(1, 30)) to stdout",
]

COPY_LINES = [
    b"1\tone\n", b"2\ttwo\n", b"3\t\\N\n", b"x\tbad\n", b"4\n", b"5,five\n", b"\\.\n", b"6\tsix",
    b"\n", b"", b"7\tseven\textra\n", b"8\t\\x41\n9\tnine\n", b"\"q\",\"r\"\n", b"10\t\xff\xfe\n",
    b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", b"\0\2\0\0\0\4\0\0\0\1\0\0\0\1a", b"\xff\xff",
    b"11\t" + b"w" * 20000 + b"\n", b"12\ttwelve\r\n",
]

# With parameters: the text, how many it takes, and values that fit and that do not.
PARAMETRISED = [
    ("select $1::int", 1), ("select $1::text, $2::int", 2), ("select * from item where id = $1", 1),
    ("select $1::int + $2::int as sum", 2), ("insert into inbox values ($1, $2)", 2),
    ("insert into inbox values ($1, $2) returning *", 2), ("select $1::bytea", 1),
    ("select generate_series(1, least($1::int, 3000))", 1), ("update item set name = $2 where id = $1", 2),
    ("select $1::numeric, $2::timestamp, $3::bool", 3), ("select $1", 1),
    ("select $1::jsonb -> $2::text", 2), ("select $1::int[]", 1), ("select $1::mood", 1),
    ("delete from item where id = any($1::int[])", 1), ("select $2::int", 2),
]

VALUES_AS_TEXT = [
    b"1", b"2", b"7", b"42", b"abc", b"", b"-1", b"999999999999", b"{1,2}", b"\\x00ff", b"t",
    b"{\"a\": 1}", b"2020-01-01 10:00", b"happy", b"1.50", "ü".encode(), b"v" * 9000, b"a\0b",
    b"\xff",
]

VALUES_AS_BINARY = [
    b"\0\0\0\1", b"\0\0\0\7", b"\0\0\0\0\0\0\0\1", b"\0\1", b"\1", b"", b"text", b"\xff" * 4,
    b"\0\1\0\0\0\0\0\0\0\1",
]

TYPES = [0, 0, 0, 23, 25, 20, 21, 16, 17, 1043, 1700, 1114, 3802, 1007, 705, 99999]

EVERY_POOL = [
    (READS, 10), (WRITES, 9), (ERRORS, 6), (TRANSACTIONS, 9), (SQL_PREPARED, 7), (SESSION, 4),
    (NOTIFICATIONS, 3), (NOTICES, 2), (EMPTY, 1), (SEVERAL, 4), (COPY_OUT, 2), (COPY_IN, 1),
]


def any_statement(random):
    pools = [pool for pool, _ in EVERY_POOL]
    pool = random.choices(pools, [weight for _, weight in EVERY_POOL])[0]
    return random.choice(pool)
