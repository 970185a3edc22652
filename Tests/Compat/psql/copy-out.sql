copy (select * from items order by id limit 3) to stdout;
copy (select * from items order by id limit 3) to stdout with (format csv, header, force_quote *);
copy empty to stdout;
copy (select 1/(3 - n) from generate_series(1, 5) n) to stdout;
copy nowhere to stdout;
\copy items (id, name) to 'items.csv' csv header
\! md5sum < items.csv
\copy (select * from everything) to 'everything.bin' binary
\! md5sum < everything.bin
