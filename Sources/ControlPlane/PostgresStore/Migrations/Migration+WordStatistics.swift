extension Migration {
  /// How common words are, for the planner: of a common one it walks the newest statements and looks
  /// whether they have it, of a rare one it begins with the texts.
  static let wordStatistics = Migration(
    number: 13, name: "word statistics",
    sql: """
      CREATE STATISTICS sallyport.statement_text_lower ON lower(text) FROM sallyport.statement_text;
      -- A thousand texts rather than a hundred, so that a word of one in two hundred shows.
      ALTER STATISTICS sallyport.statement_text_lower SET STATISTICS 1000;
      ANALYZE sallyport.statement_text;
      """)
}
