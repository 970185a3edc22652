extension Migration {
  /// Texts wait for their analysis again: what it reads out of them is another.
  ///
  /// Nothing is lost that is not made again from the texts. Until then questions about commands, tables
  /// and effects find what was analysed already.
  static let analysisAnew = Migration(
    number: 14, name: "analysis anew",
    sql: """
      TRUNCATE sallyport.statement_facts;
      UPDATE sallyport.statement_text SET analysis = 0 WHERE analysis <> 0;
      ANALYZE sallyport.statement_text;
      """)
}
