\set id random(1, 4000)
select o.id, o.status, c.name from orders o join customers c on c.id = o.customer_id where o.id = :id;
