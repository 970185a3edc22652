extension Migration {
  /// What the control plane manages: keys, tokens, agents, connections, grants, bundles.
  static let controlPlane = Migration(
    number: 1, name: "control plane",
    sql: """
      CREATE TABLE sallyport.sealed_secret (
        name text PRIMARY KEY,
        sealed bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      );
      COMMENT ON TABLE sallyport.sealed_secret IS
        'Keys of the control plane, encrypted under the key file (AES-256-GCM).';

      CREATE TABLE sallyport.bootstrap_token (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),
        hash bytea NOT NULL,
        created_at timestamptz NOT NULL,
        used_at timestamptz
      );

      CREATE TABLE sallyport.api_token (
        id uuid PRIMARY KEY,
        name text NOT NULL,
        hash bytea NOT NULL UNIQUE,
        role text NOT NULL,
        created_at timestamptz NOT NULL
      );

      CREATE TABLE sallyport.segment (
        name text PRIMARY KEY,
        changes bigint NOT NULL DEFAULT 0
      );
      COMMENT ON COLUMN sallyport.segment.changes IS
        'Counts the changes to what its bundle is made of; compare bundle.changes.';

      CREATE TABLE sallyport.join_token (
        secret_hash bytea PRIMARY KEY,
        segment text NOT NULL REFERENCES sallyport.segment,
        client_address text NOT NULL,
        names text[] NOT NULL,
        created_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        used_at timestamptz
      );

      CREATE TABLE sallyport.agent (
        id uuid PRIMARY KEY,
        segment text NOT NULL REFERENCES sallyport.segment,
        hostname text NOT NULL,
        client_address text NOT NULL,
        names text[] NOT NULL,
        version text NOT NULL,
        audit_key bytea NOT NULL,
        sealing_key bytea NOT NULL,
        certificate_fingerprint text NOT NULL,
        certificate_expires_at timestamptz NOT NULL,
        enrolled_at timestamptz NOT NULL,
        removed_at timestamptz,
        last_seen_at timestamptz,
        greeted_at timestamptz,
        detached_at timestamptz,
        health text,
        problems text[],
        open_sessions bigint NOT NULL DEFAULT 0,
        backlog_records bigint NOT NULL DEFAULT 0,
        bundle_version bigint NOT NULL DEFAULT 0,
        rejected_version bigint,
        rejected_reason text,
        rejected_detail text,
        rejected_at timestamptz
      );
      CREATE INDEX agent_by_segment ON sallyport.agent (segment);
      CREATE INDEX agent_by_removal ON sallyport.agent (removed_at) WHERE removed_at IS NOT NULL;

      CREATE TABLE sallyport.connection (
        id uuid PRIMARY KEY,
        name text NOT NULL UNIQUE,
        segment text NOT NULL REFERENCES sallyport.segment,
        host text NOT NULL,
        port bigint NOT NULL CHECK (port BETWEEN 1 AND 65535),
        database text NOT NULL,
        tls text NOT NULL,
        authorities_pem text,
        labels jsonb NOT NULL,
        created_at timestamptz NOT NULL
      );

      CREATE TABLE sallyport.database_role (
        connection uuid NOT NULL REFERENCES sallyport.connection ON DELETE CASCADE,
        name text NOT NULL,
        place bigint NOT NULL,
        PRIMARY KEY (connection, name)
      );

      CREATE TABLE sallyport.sealed_credential (
        connection uuid NOT NULL,
        role text NOT NULL,
        agent uuid NOT NULL REFERENCES sallyport.agent,
        encapsulated_key text NOT NULL,
        ciphertext text NOT NULL,
        PRIMARY KEY (connection, role, agent),
        FOREIGN KEY (connection, role) REFERENCES sallyport.database_role ON DELETE CASCADE
      );
      CREATE INDEX sealed_credential_by_agent ON sallyport.sealed_credential (agent);
      COMMENT ON TABLE sallyport.sealed_credential IS
        'Database passwords, readable by the one agent each is sealed to (HPKE).';

      CREATE TABLE sallyport.access_grant (
        number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
        name text PRIMARY KEY,
        principal text,
        group_name text,
        connection uuid NOT NULL,
        role text NOT NULL,
        created_at timestamptz NOT NULL,
        CHECK (num_nonnulls(principal, group_name) = 1),
        FOREIGN KEY (connection, role) REFERENCES sallyport.database_role ON DELETE CASCADE
      );

      -- One for all segments: a version then names one bundle.
      CREATE SEQUENCE sallyport.bundle_version;

      CREATE TABLE sallyport.bundle (
        segment text NOT NULL REFERENCES sallyport.segment,
        version bigint NOT NULL,
        changes bigint NOT NULL,
        envelope bytea NOT NULL,
        payload_hash bytea NOT NULL,
        issued_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        PRIMARY KEY (segment, version)
      );
      COMMENT ON COLUMN sallyport.bundle.changes IS
        'The value of segment.changes that the bundle covers.';
      """)
}
