extension Migration {
  /// Which keys agents trust, and which host has an agent's identity.
  static let policyTrust = Migration(
    number: 15, name: "policy trust",
    sql: """
      CREATE TABLE sallyport.root_document (
        version bigint PRIMARY KEY CHECK (version > 0),
        envelope bytea NOT NULL,
        created_at timestamptz NOT NULL
      );
      COMMENT ON TABLE sallyport.root_document IS
        'Which keys may sign bundles and leases, each version signed by the one before. Append-only.';
      -- What is there was signed by the key that root version 1 names.
      ALTER TABLE sallyport.bundle ADD COLUMN root_version bigint NOT NULL DEFAULT 1;

      ALTER TABLE sallyport.agent
        ADD COLUMN generation bigint NOT NULL DEFAULT 0,
        ADD COLUMN certificate_key bytea,
        ADD COLUMN renews_freely boolean NOT NULL DEFAULT false,
        ADD COLUMN locked_at timestamptz,
        ADD COLUMN recovered_at timestamptz,
        ADD COLUMN rejected_document text;
      COMMENT ON COLUMN sallyport.agent.generation IS
        'The how manieth certificate was the newest one.';
      COMMENT ON COLUMN sallyport.agent.certificate_key IS
        'SHA-256 of the raw key of the newest certificate.';
      """)
}
