listen channel;
notify channel, 'payload';
select pg_notify('channel', 'from ' || 'a function');
begin; notify channel, 'in a transaction'; notify channel, 'in a transaction'; commit;
select pg_listening_channels();
listen logged;
insert into log (line) values ('by a trigger');
unlisten *;
notify channel, 'unheard';
