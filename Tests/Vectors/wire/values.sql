-- Prints values.tsv: type number, type name, binary form in hex, text, as the server has them.
-- Run with: psql -X -q -v ON_ERROR_STOP=1 -f values.sql > values.tsv   (PostgreSQL 15 or later)
SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres';
SET extra_float_digits = 1; SET bytea_output = 'hex'; SET lc_monetary = 'C';
SET client_min_messages = warning;
DO $$ BEGIN PERFORM setseed(0.42); END $$;
CREATE TEMP TABLE pair (type regtype, literal text);
INSERT INTO pair SELECT t::regtype, l FROM (VALUES
 ('bool', ARRAY['t','f']),
 ('int2', ARRAY['0','1','-1','32767','-32768']),
 ('int4', ARRAY['0','42','-42','2147483647','-2147483648']),
 ('int8', ARRAY['0','9223372036854775807','-9223372036854775808']),
 ('oid', ARRAY['0','4294967295']), ('xid', ARRAY['7']), ('cid', ARRAY['4294967295']),
 ('xid8', ARRAY['18446744073709551615']), ('tid', ARRAY['(4294967295,65535)','(0,1)']),
 ('pg_lsn', ARRAY['0/0','16/B374D848','FFFFFFFF/FFFFFFFF']),
 ('float4', ARRAY['0','-0','1','-1','0.1','1.5','100000','999999','1e6','1234567','1e-4','1e-5','0.00012345','3.4028235e38','1.1754944e-38','1e-45','NaN','Infinity','-Infinity','16777216','33554432']),
 ('float8', ARRAY['0','-0','1','-1','0.1','1.5','3.141592653589793','100000000000000','999999999999999','1e15','123456789012345678','1e20','1.5e300','1e-4','0.0001234','1e-5','1e-7','1.7976931348623157e308','2.2250738585072014e-308','5e-324','NaN','Infinity','-Infinity','9007199254740993','0.30000000000000004','-12345.678']),
 ('numeric', ARRAY['0','0.00','1','-1','10','9999','10000','10001','0.0001','0.00001','-0.00001','1234567890123456789012345678901234567890','12345.6789','100000000.000000001','1e30','1e-30','NaN','Infinity','-Infinity','0.10','-99999999.99','1000000000000']),
 ('money', ARRAY['0','1','-1','1234.56','-1234567.89','92233720368547758.07','0.05']),
 ('text', ARRAY['','hello','ünïcødé ☃ 😀','a	b','line
two','back\slash','"quote"']),
 ('varchar', ARRAY['vc','']), ('bpchar', ARRAY['ab  ']), ('name', ARRAY['pg_class']), ('"char"', ARRAY['a','']),
 ('json', ARRAY['{"a": 1}','[1,2, null]']), ('jsonb', ARRAY['{"b":2,"a":[1,"x"]}','null','"s"']),
 ('xml', ARRAY['<a>1</a>']), ('jsonpath', ARRAY['$."a"[*]']),
 ('bytea', ARRAY['','\x00ff10','\xdeadbeef']),
 ('uuid', ARRAY['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']),
 ('date', ARRAY['2000-01-01','1999-12-31','1970-01-01','2024-02-29','1900-03-01','0001-01-01','0001-12-31 BC','0044-03-15 BC','4713-01-01 BC','10000-01-01','5874897-12-31','infinity','-infinity']),
 ('time', ARRAY['00:00:00','23:59:59.999999','24:00:00','12:34:56.7','01:02:03.000001','12:00:00.120']),
 ('timetz', ARRAY['12:00:00+00','12:34:56.789+05:30','00:00:00-08','23:59:59-03:30:15','24:00:00+14']),
 ('timestamp', ARRAY['2000-01-01 00:00:00','1999-12-31 23:59:59.999999','2024-02-29 12:34:56.5','0044-03-15 01:02:03 BC','294276-12-31 23:59:59.999999','4713-01-01 00:00:00 BC','infinity','-infinity','1969-07-20 20:17:40.000001']),
 ('timestamptz', ARRAY['2000-01-01 00:00:00+00','2024-06-30 23:59:60+02','0044-03-15 01:02:03+00 BC','infinity','-infinity','1999-12-31 23:59:59.9+00']),
 ('interval', ARRAY['0','1 year','-1 year','1 mon','2 years 3 mons 4 days 05:06:07.89','-1 year 2 mons -3 days 04:05:06','1 day','-1 day','-1 day 02:03:00','1 mon -1 day','25:00:00','-00:00:00.000001','1000:00:00','-1 mon +1 day','1 year -1 mon','-13 mons']),
 ('inet', ARRAY['10.0.0.1','10.0.0.1/8','0.0.0.0/0','::1','::','fe80::1/64','2001:db8::ff00:42:8329','::ffff:1.2.3.4','::1.2.3.4','1:0:0:2::3','1:2:3:4:5:6:7:8','1:0:3:4:5:6:7:8','::2:0','64:ff9b::1.2.3.4','0:0:0:0:0:0:1:0','1::','1:2::']),
 ('cidr', ARRAY['10.0.0.0/8','10.1.2.3/32','::/0','2001:db8::/32','::1/128']),
 ('macaddr', ARRAY['08:00:2b:01:02:03']), ('macaddr8', ARRAY['08:00:2b:01:02:03:04:05']),
 ('bit(8)', ARRAY['10101010']), ('varbit', ARRAY['','1','101','111100001','0000000000000001']),
 ('point', ARRAY['(1,2)','(-0.5,1e20)']), ('lseg', ARRAY['[(1,2),(3,4)]']), ('box', ARRAY['(3,4),(1,2)']),
 ('path', ARRAY['((0,0),(1,1),(2,0))','[(0,0),(1,1)]']), ('polygon', ARRAY['((0,0),(1,1),(2,0))']),
 ('line', ARRAY['{1,2,3}']), ('circle', ARRAY['<(1,2),3.5>']),
 ('int4[]', ARRAY['{}','{1,2,NULL,-3}','{{1,2},{3,4}}','[0:1]={5,6}','[2:3][-1:0]={{1,2},{3,4}}','{{{1},{2}},{{3},{4}}}']),
 ('int2[]', ARRAY['{1,2}']), ('int8[]', ARRAY['{1,NULL}']), ('bool[]', ARRAY['{t,f,NULL}']),
 ('text[]', ARRAY['{}','{a,b c,"","null",NULL,"q\"uote","back\\slash","x,y","{br}"," lead","tab	"}','{ünï,NuLl2,"NuLl"}']),
 ('varchar[]', ARRAY['{a}']), ('float8[]', ARRAY['{1.5,NaN,1e100}']), ('numeric[]', ARRAY['{1.50,NaN}']),
 ('uuid[]', ARRAY['{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}']), ('bytea[]', ARRAY['{"\\x00ff",NULL}']),
 ('timestamptz[]', ARRAY['{"2024-01-01 00:00:00+00",infinity}']), ('date[]', ARRAY['{2024-01-01}']),
 ('interval[]', ARRAY['{"1 day",01:00:00}']), ('box[]', ARRAY['{(3,4),(1,2);(5,6),(0,0)}']),
 ('point[]', ARRAY['{"(1,2)"}']), ('jsonb[]', ARRAY['{"{\"a\": 1}"}']), ('inet[]', ARRAY['{10.0.0.1}']),
 ('name[]', ARRAY['{a}']), ('"char"[]', ARRAY['{a,b}']), ('money[]', ARRAY['{"$1,000.00"}']),
 ('int2vector', ARRAY['1 2 3','']), ('oidvector', ARRAY['4 5']), ('oidvector[]', ARRAY['{"1 2",3}']),
 ('int4range', ARRAY['[1,5)','empty','(,)','[3,)','(,7)']), ('int8range', ARRAY['[1,5)']),
 ('numrange', ARRAY['(1.5,2.5]','[1,1]']), ('daterange', ARRAY['[2024-01-01,2024-02-01)']),
 ('tsrange', ARRAY['[2024-01-01 00:00,2024-02-01 12:00)']), ('tstzrange', ARRAY['[2024-01-01 00:00+00,)']),
 ('int4multirange', ARRAY['{}','{[1,3),[5,7)}']), ('datemultirange', ARRAY['{[2024-01-01,2024-02-01)}']),
 ('tsmultirange', ARRAY['{[2024-01-01 00:00,2024-02-01 12:00)}']), ('int4range[]', ARRAY['{"[1,5)",empty}']),
 ('nummultirange[]', ARRAY['{"{[1,2),[3,4)}"}'])
) AS v(t, ls), unnest(ls) AS l;
INSERT INTO pair SELECT 'float8', ((random() - 0.5) * 10 ^ (random() * 600 - 300))::float8::text FROM generate_series(1, 150);
INSERT INTO pair SELECT 'float4', ((random() - 0.5) * 10 ^ (random() * 60 - 30))::float4::text FROM generate_series(1, 150);
INSERT INTO pair SELECT 'float8', round((random() * 1e6)::numeric, (random() * 6)::int)::text FROM generate_series(1, 50);
INSERT INTO pair SELECT 'numeric', round(((random() - 0.5) * 10 ^ (random() * 40 - 10))::numeric, (random() * 20)::int)::text FROM generate_series(1, 150);
INSERT INTO pair SELECT 'timestamptz', (timestamptz '2000-01-01 00:00+00' + random() * interval '9000 years' - interval '4500 years')::text FROM generate_series(1, 100);
INSERT INTO pair SELECT 'date', (date '2000-01-01' + (random() * 4000000)::int - 2000000)::text FROM generate_series(1, 100);
INSERT INTO pair SELECT 'interval', make_interval((random()*20-10)::int, (random()*40-20)::int, 0, (random()*60-30)::int, (random()*100-50)::int, 0, random()*100-50)::text FROM generate_series(1, 100);
INSERT INTO pair SELECT 'inet', (CASE WHEN random() < 0.5 THEN '1:0:0:0:0:0:0:0' ELSE '0:0:0:0:0:0:0:0' END)::inet | (
  SELECT string_agg(CASE WHEN random() < 0.6 THEN '0' ELSE to_hex((random() * 65535)::int) END || n.s, '' ORDER BY n.i)
  FROM (SELECT i, CASE WHEN i < 8 THEN ':' ELSE '' END AS s FROM generate_series(1, 8) i) n WHERE g > 0)::inet FROM generate_series(1, 80) g;
DO $$
DECLARE p record; send text; row text;
BEGIN
  CREATE TEMP TABLE vector (id serial, oid oid, type text, binary_form text, value text);
  FOR p IN SELECT * FROM pair LOOP
    SELECT typsend::text INTO send FROM pg_type WHERE oid = p.type::oid;
    EXECUTE format('INSERT INTO vector (oid, type, binary_form, value) SELECT %s, %L, encode(%s(v), ''hex''), format(''%%s'', v) FROM (SELECT %L::%s AS v) x',
      p.type::oid, p.type, send, p.literal, CASE p.type::text WHEN 'bit' THEN 'bit(8)' ELSE p.type::text END);
  END LOOP;
END $$;
COPY (SELECT oid, type, binary_form, value FROM vector ORDER BY id) TO STDOUT;
