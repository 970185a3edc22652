create table "Tab Él 日本" ("cö\"l" text, "a;b" int);
insert into "Tab Él 日本" values ('😀 ''quoted'' $1', 1), (E'back\\slash\ttab', 2), ('\x41', 3);
select * from "Tab Él 日本";
select U&'\0041\+01F600', $tag$dollar 'quoted'$tag$, 'a' 'b' as bad;
select length('日本'), octet_length('日本'), '日本'::bytea, convert_from('\xff', 'UTF8');
select chr(0);
select '\x00010203'::bytea, encode('\x000000'::bytea, 'base64');
select 'é' collate "C" < 'f';
