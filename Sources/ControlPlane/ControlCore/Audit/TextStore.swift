package import StatementAnalysis

/// Where SQL texts wait for their analysis, and where its facts are kept.
package protocol TextStore: Sendable {
  /// Takes texts that wait, and notes each as tried before it is given out: a text that ends the
  /// program is tried once more, alone, and then no more.
  ///
  /// Replicas do not get the same texts; one that was taken and not settled within a minute is given
  /// out again.
  /// - Parameter maximumBytes: A longer text is given out without its words.
  func claimTexts(limit: Int, maximumBytes: Int) async throws(ControlError) -> [WaitingText]
  /// Keeps what became of texts.
  func settle(_ texts: [AnalysedText]) async throws(ControlError)
}

/// An SQL text that waits for its analysis.
package struct WaitingText: Sendable, Equatable {
  /// SHA-256.
  package var digest: [UInt8]
  package var bytes: Int
  /// `nil` when it is too long to be looked at.
  package var sql: String?
  package init(digest: [UInt8], bytes: Int, sql: String?) {
    self.digest = digest
    self.bytes = bytes
    self.sql = sql
  }
}

/// What became of a text.
package struct AnalysedText: Sendable, Equatable {
  package var digest: [UInt8]
  package var result: Result<TextFacts, AnalysisFailure>
  package init(digest: [UInt8], result: Result<TextFacts, AnalysisFailure>) {
    self.digest = digest
    self.result = result
  }
}
