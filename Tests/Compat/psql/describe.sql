\d
\d items
\d+ items
\d+ dear
\d parts
\d items_name
\d everything
\d nothing_of_that_name
\dt
\di
\dv
\ds
\dm
\dT+ mood
\dD
\dx
\dn
\dp
\df talk
\df+ swap
\da max
\do ||/
\dy
\dO
\dL
\dC mood
\dF simple
\db
\dg
\drds
\ddp
\dRp
\des
\dP
\dX
\dAc btree int4
\sf talk
\sf+ fail
\sv dear
\z items
\l compat*
\d pg_catalog.pg_class
\dconfig work_mem
