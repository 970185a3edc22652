extension Migration {
  /// A connection says whether functions may be called outside SQL.
  static let functionCalls = Migration(
    number: 4, name: "function calls",
    sql: """
      ALTER TABLE sallyport.connection
        ADD COLUMN allows_function_calls boolean NOT NULL DEFAULT false;
      """)
}
