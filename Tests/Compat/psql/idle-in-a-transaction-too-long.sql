set idle_in_transaction_session_timeout = 200;
begin;
\! sleep 1
select 1;
select 'connected again';
