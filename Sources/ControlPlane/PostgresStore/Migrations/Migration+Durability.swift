extension Migration {
  /// A connection says what the records of its statements survive.
  static let durability = Migration(
    number: 7, name: "durability",
    sql: """
      ALTER TABLE sallyport.connection
        ADD COLUMN durability text NOT NULL DEFAULT 'crash-safe'
        CHECK (durability IN ('crash-safe', 'power-safe'));
      """)
}
