-- What the statements of the corpus work on.
CREATE ROLE corpus_reader;
CREATE ROLE corpus_writer;
CREATE SCHEMA app;
CREATE TABLE customers (id int PRIMARY KEY, name text, email text);
CREATE TABLE orders (
  id int PRIMARY KEY, customer_id int REFERENCES customers, state text, total numeric);
CREATE TABLE lines (order_id int REFERENCES orders ON DELETE CASCADE, n int);
CREATE TABLE app.orders (id int PRIMARY KEY, state text);
CREATE TABLE plain (a int, b text);
CREATE TABLE docs (id serial PRIMARY KEY, body text);
CREATE TABLE keyed (k int PRIMARY KEY, v int);
CREATE TABLE "Odd Name" ("Sel ect" int, "delete" text);
CREATE TABLE events (day date, payload jsonb) PARTITION BY RANGE (day);
CREATE TABLE events_old PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE events_new PARTITION OF events FOR VALUES FROM ('2021-01-01') TO ('2030-01-01');
CREATE TABLE base (a int);
CREATE TABLE child (b int) INHERITS (base);
CREATE VIEW order_names AS SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer_id;
CREATE VIEW open_orders AS SELECT * FROM orders WHERE state = 'open';
CREATE MATERIALIZED VIEW totals AS SELECT state, count(*) FROM orders GROUP BY state;
CREATE SEQUENCE counter;
CREATE TYPE pair AS (x int, y int);
CREATE TABLE audit_log (what text);
CREATE FUNCTION app.writes() RETURNS int LANGUAGE sql VOLATILE AS
  $$ INSERT INTO public.audit_log VALUES ('f') RETURNING 1 $$;
CREATE FUNCTION app.lower(text) RETURNS text LANGUAGE sql VOLATILE AS
  $$ INSERT INTO public.audit_log VALUES ('lower') RETURNING 'x' $$;
CREATE FUNCTION app.plus(int, int) RETURNS int LANGUAGE sql VOLATILE AS
  $$ INSERT INTO public.audit_log VALUES ('+') RETURNING 1 $$;
CREATE OPERATOR app.### (FUNCTION = app.plus, LEFTARG = int, RIGHTARG = int);
CREATE OPERATOR public.### (FUNCTION = app.plus, LEFTARG = int, RIGHTARG = int);
CREATE FUNCTION public.secret_total(orders) RETURNS int LANGUAGE sql VOLATILE AS
  $$ INSERT INTO public.audit_log VALUES ('column') RETURNING 1 $$;
CREATE FUNCTION public.lower(int) RETURNS int LANGUAGE sql VOLATILE AS
  $$ INSERT INTO public.audit_log VALUES ('overload') RETURNING 1 $$;
CREATE VIEW writing_view AS SELECT app.writes() AS w;
CREATE FUNCTION app.on_insert() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO public.audit_log VALUES ('t'); RETURN NEW; END $$;
CREATE TABLE triggered (a int);
CREATE TRIGGER t AFTER INSERT ON triggered FOR EACH ROW EXECUTE FUNCTION app.on_insert();
CREATE TABLE ruled (a int);
CREATE RULE r AS ON UPDATE TO ruled DO ALSO DELETE FROM keyed;
CREATE PROCEDURE app.work() LANGUAGE sql AS $$ DELETE FROM public.plain $$;
CREATE FUNCTION app.to_pair(text) RETURNS pair LANGUAGE sql VOLATILE AS
  $$ INSERT INTO public.audit_log VALUES ('cast'); SELECT ROW (1, 2)::pair $$;
CREATE CAST (text AS pair) WITH FUNCTION app.to_pair(text);
CREATE FUNCTION app.is_even(int) RETURNS bool LANGUAGE sql VOLATILE AS
  $$ INSERT INTO public.audit_log VALUES ('domain'); SELECT true $$;
CREATE DOMAIN even AS int CHECK (app.is_even(VALUE));
INSERT INTO customers SELECT n, 'name ' || n, n || '@example.org' FROM generate_series(1, 5) n;
INSERT INTO orders SELECT n, 1 + n % 5, CASE WHEN n % 2 = 0 THEN 'open' ELSE 'sent' END, n * 10
  FROM generate_series(1, 20) n;
INSERT INTO lines SELECT 1 + n % 20, n FROM generate_series(1, 40) n;
INSERT INTO app.orders SELECT n, 'app' FROM generate_series(1, 3) n;
INSERT INTO plain SELECT n, 'b' || n FROM generate_series(1, 10) n;
INSERT INTO docs (body) VALUES ('one'), ('two');
INSERT INTO keyed SELECT n, n FROM generate_series(1, 10) n;
INSERT INTO "Odd Name" VALUES (1, 'x');
INSERT INTO events VALUES ('2020-05-05', '{}'), ('2022-02-02', '{"a": 1}');
INSERT INTO base VALUES (1);
INSERT INTO child VALUES (2, 3);
INSERT INTO ruled VALUES (1);
