-- The demo's shop: four tables, 11,700 rows, the same in every run.
create table customers (
  id integer primary key,
  name text not null,
  email text not null unique,
  country char(2) not null,
  since date not null
);
create table products (
  id integer primary key,
  title text not null,
  price numeric(10, 2) not null check (price > 0)
);
create table orders (
  id integer primary key,
  customer_id integer not null references customers,
  placed_at timestamptz not null,
  status text not null check (status in ('open', 'paid', 'shipped', 'returned'))
);
create table order_items (
  order_id integer not null references orders,
  position smallint not null,
  product_id integer not null references products,
  quantity smallint not null check (quantity > 0),
  primary key (order_id, position)
);

insert into customers
select n,
  (array['Ada', 'Bruno', 'Chiara', 'Dmitri', 'Elif', 'Farid', 'Greta', 'Hana', 'Ivo', 'Jana'])[1 + n % 10]
    || ' ' ||
  (array['Abe', 'Brandt', 'Costa', 'Dahl', 'Eriksen', 'Fischer', 'Garcia'])[1 + n % 7],
  'customer' || n || '@example.com',
  (array['DE', 'FR', 'IT', 'NL', 'PL', 'SE'])[1 + n % 6],
  date '2021-01-01' + (n * 37 % 1700)
from generate_series(1, 1500) as n;

insert into products
select n,
  (array['Lamp', 'Chair', 'Desk', 'Shelf', 'Rug', 'Vase', 'Clock', 'Mirror'])[1 + n % 8] || ' No. ' || n,
  round((5 + (n * 7919 % 49500) / 100.0)::numeric, 2)
from generate_series(1, 200) as n;

insert into orders
select n,
  1 + n * 7919 % 1500,
  timestamptz '2025-01-01 00:00+00' + n * interval '131 minutes',
  (array['open', 'paid', 'shipped', 'shipped', 'shipped', 'returned'])[1 + n * 31 % 6]
from generate_series(1, 4000) as n;

insert into order_items
select o, position, 1 + (o * 104729 + position * 1299709) % 200, 1 + (o + position) % 5
from generate_series(1, 4000) as o, generate_series(1, 2) as position
where position = 1 or o % 2 = 0;

create index on orders (customer_id);
analyze;

-- The least that each role needs: the gateway attributes, these grants limit.
grant select on all tables in schema public to readonly;
grant select, insert, update, delete on all tables in schema public to app;
