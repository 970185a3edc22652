import GRDB

/// The tables of the state file. Migrations are only ever added, never changed: an agent in the
/// field has run the ones before.
enum StateSchema {
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1 first tables") { db in
      // Tables of one row: `only` can be nothing but 1.
      try db.execute(
        sql: """
          CREATE TABLE enrolment (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            agent BLOB NOT NULL,
            organisation TEXT NOT NULL,
            segment TEXT NOT NULL,
            link_address TEXT NOT NULL,
            client_address TEXT NOT NULL,
            policy_public_keys TEXT NOT NULL,
            authorities_pem TEXT NOT NULL,
            enrolled_at INTEGER NOT NULL
          ) STRICT;
          CREATE TABLE agent_keys (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            audit BLOB NOT NULL,
            sealing BLOB NOT NULL
          ) STRICT;
          CREATE TABLE tls_identity (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            private_key_pem BLOB NOT NULL,
            certificate_chain_pem TEXT NOT NULL
          ) STRICT;
          CREATE TABLE bundle (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            version INTEGER NOT NULL,
            hash BLOB NOT NULL,
            envelope BLOB NOT NULL
          ) STRICT;
          -- Kept apart from the bundle, so that losing or clearing the one keeps the other.
          CREATE TABLE highest_version (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            version INTEGER NOT NULL,
            hash BLOB NOT NULL
          ) STRICT;
          CREATE TABLE shipping_cursor (
            epoch INTEGER NOT NULL,
            lane INTEGER NOT NULL,
            next_seq INTEGER NOT NULL,
            PRIMARY KEY (epoch, lane)
          ) STRICT;
          """)
    }
    migrator.registerMigration("2 control plane's log") { db in
      try db.execute(
        sql: """
          ALTER TABLE enrolment ADD COLUMN control_log TEXT;
          ALTER TABLE enrolment ADD COLUMN audit_public_key TEXT;
          CREATE TABLE control_checkpoint (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            note BLOB NOT NULL
          ) STRICT;
          """)
    }
    migrator.registerMigration("3 conflict of the control plane's log") { db in
      // At most one: that which the agent reports now. An acceptance waits for the agent in it.
      try db.execute(
        sql: """
          CREATE TABLE control_conflict (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            reason TEXT NOT NULL,
            offered BLOB NOT NULL,
            acceptance TEXT
          ) STRICT;
          """)
    }
    migrator.registerMigration("4 leases, root documents, renewals") { db in
      try db.execute(
        sql: """
          ALTER TABLE enrolment ADD COLUMN server_url TEXT;
          -- The root document whose keys vouch for the kept bundle; 0 for the keys of the enrolment.
          ALTER TABLE bundle ADD COLUMN root_version INTEGER NOT NULL DEFAULT 0;
          -- All of them: a bundle is verified by the one it was accepted under.
          CREATE TABLE root_document (
            version INTEGER PRIMARY KEY,
            envelope BLOB NOT NULL
          ) STRICT;
          CREATE TABLE lease (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            root_version INTEGER NOT NULL,
            envelope BLOB NOT NULL
          ) STRICT;
          -- The key of a certificate that was asked for and has not come yet.
          CREATE TABLE pending_renewal (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            private_key_pem BLOB NOT NULL,
            csr_pem TEXT NOT NULL
          ) STRICT;
          CREATE TABLE removal (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            noted_at INTEGER NOT NULL
          ) STRICT;
          """)
    }
    return migrator
  }
}
