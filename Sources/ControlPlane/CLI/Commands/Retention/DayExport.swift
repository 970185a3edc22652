import APIModel
import AuditLog
import Crypto
import Foundation

/// The export of one day, in a file that is verified before the day goes.
struct DayExport {
  let folder: String
  let day: RetentionDayInfo

  /// `sallyport-<day>.jsonl`.
  var name: String { "sallyport-\(day.day.filter { $0.isNumber || $0 == "-" }).jsonl" }
  var path: String { URL(fileURLWithPath: folder).appendingPathComponent(name).path }

  /// Writes the file, reads it again and verifies it.
  ///
  /// - Returns: what the control plane is told of it.
  /// - Throws: ``CLIFailure`` when the export broke off or is not sound; the file of one that is
  ///   not sound is kept under another name.
  func write(
    from client: APIClient, trusted: TrustedKeys, kept: Checkpoint?
  ) async throws -> PruneRequest {
    let hash = try await download(from: client)
    let verification = TrailVerification(trusted: trusted, kept: kept)
    try await verification.read(file: path)
    return try request(verification.finish(), hash: hash)
  }

  private func download(from client: APIClient) async throws -> String {
    let file = try ExportFile(path: path)
    var progress = ProgressLine(terminal: .standardError())
    var (lines, last, hash) = (0, Data(), SHA256())
    do {
      try await client.lines(Routes.export, query: [("since", day.since), ("until", day.until)]) {
        let text = String(decoding: $0, as: UTF8.self) + "\n"
        try file.write(text)
        hash.update(data: Data(text.utf8))
        lines += 1
        last = $0
        progress.say(rows: lines, bytes: file.bytes)
      }
      progress.end()
      guard last.starts(with: Data("{\"close\":".utf8)) else {
        throw CLIFailure(
          .unavailable, "the export of \(day.day) broke off after \(lines) lines",
          remedy: "look at the control plane's log and try again")
      }
      try file.finish()
    } catch {
      progress.end()
      file.discard()
      throw error
    }
    return Hash256(hash.finalize()).description
  }

  /// - Throws: ``CLIFailure`` when the report is not sound.
  func request(_ report: VerificationReport, hash: String) throws -> PruneRequest {
    guard report.isSound else {
      let unsound = path + ".unsound"
      rename(path, unsound)
      throw CLIFailure(
        .failed,
        "the export of \(day.day) is not sound, and the day was not removed: "
          + (report.findings.first?.description ?? ""),
        remedy: "the file is kept as \"\(unsound)\"; run `sallyport audit verify`")
    }
    let logs = report.logs.filter { !$0.isOfControlPlane && $0.size > $0.from }
    return PruneRequest(
      exportFile: name, exportSHA256: hash,
      logs: logs.map { log in
        PruneRequest.Log(
          log: "\(log.log)", from: Int(clamping: log.from), next: Int(clamping: log.size),
          root: "\(log.root)")
      })
  }
}
