extension Migration {
  /// A connection says how many rows one statement may return.
  static let rowLimits = Migration(
    number: 6, name: "row limits",
    sql: """
      ALTER TABLE sallyport.connection
        ADD COLUMN maximum_rows integer CHECK (maximum_rows > 0);
      """)
}
