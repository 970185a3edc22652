extension Migration {
  /// A role's credential says what it is: a password, a client certificate, or both.
  static let clientCertificates = Migration(
    number: 5, name: "client certificates",
    sql: """
      ALTER TABLE sallyport.sealed_credential
        ADD COLUMN kind text NOT NULL DEFAULT 'password';
      COMMENT ON TABLE sallyport.sealed_credential IS
        'Credentials of roles, readable by the one agent each is sealed to (HPKE).';
      """)
}
