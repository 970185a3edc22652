internal import Foundation
internal import StatementAnalysis
internal import Synchronization

/// Reads facts out of the SQL texts that agents sent, after they were stored and apart from that.
///
/// A question for a table or an effect does not find a statement whose text still waits.
struct TextAnalysis: Sendable {
  /// The most texts of one round, so that they and their parse trees fit the memory.
  static let batch = 200
  /// How long to wait when there is nothing to do.
  static let pause = Duration.seconds(1)

  let store: any TextStore
  let surroundings: Surroundings

  /// Works until the task is cancelled. Run it in every replica.
  func run() async {
    let thread = AnalysisThread()
    defer { thread.end() }
    var failed = false
    while !Task.isCancelled {
      var count = 0
      do {
        count = try await round(thread)
        failed = false
      } catch {
        // Said once, not every second.
        if !failed {
          surroundings.logger.error("analysing texts failed", metadata: ["error": "\(error)"])
        }
        failed = true
      }
      guard count == 0 else { continue }
      do {
        try await surroundings.sleep(Self.pause)
      } catch {
        return
      }
    }
  }

  /// Analyses the texts that wait, as many as a round takes.
  ///
  /// - Returns: how many there were.
  func round(_ thread: AnalysisThread) async throws(ControlError) -> Int {
    let texts = try await store.claimTexts(
      limit: Self.batch, maximumBytes: StatementAnalysis.maximumFormBytes)
    guard !texts.isEmpty else { return 0 }
    try await store.settle(await thread.analyse(texts))
    return texts.count
  }
}

/// A thread with the stack that the parser needs for texts that nest as deep as they can.
final class AnalysisThread: Sendable {
  private let jobs: Mutex<[@Sendable () -> Void]> = Mutex([])
  private let news = DispatchSemaphore(value: 0)
  private let isEnded = Mutex(false)

  init() {
    let thread = Thread { [self] in work() }
    thread.name = "statement-analysis"
    thread.stackSize = StatementAnalysis.stackBytes
    thread.start()
  }

  /// What becomes of each text.
  func analyse(_ texts: [WaitingText]) async -> [AnalysedText] {
    await withCheckedContinuation { continuation in
      jobs.withLock {
        $0.append { continuation.resume(returning: texts.map(Self.analyse)) }
      }
      news.signal()
    }
  }

  /// Ends the thread after the jobs that are there.
  func end() {
    isEnded.withLock { $0 = true }
    news.signal()
  }

  private func work() {
    while true {
      news.wait()
      if let job = jobs.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
        job()
      } else if isEnded.withLock({ $0 }) {
        return
      }
    }
  }

  private static func analyse(_ text: WaitingText) -> AnalysedText {
    guard let sql = text.sql else {
      return AnalysedText(digest: text.digest, result: .failure(.tooLong(bytes: text.bytes)))
    }
    do throws(AnalysisFailure) {
      return AnalysedText(
        digest: text.digest, result: .success(try StatementAnalysis.textFacts(of: sql)))
    } catch {
      return AnalysedText(digest: text.digest, result: .failure(error))
    }
  }
}
