import AgentState
import ArgumentParser
import ControlLink
import Foundation
import GatewayModel
import PeerIdentity

struct Status: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show who the agent is and what it keeps, also while it runs.",
    discussion: """
      Example:
        sallyport-agent status --state /var/lib/sallyport-agent
      """)

  @OptionGroup var state: StateOptions

  func run() async throws {
    try await reporting {
      let state = try AgentState.open(folder: state.folder, for: .inspect)
      defer { state.close() }
      let enrolment = try await state.enrolment()
      let certificate = try PeerCertificate(
        firstOfPEM: try await state.tlsIdentity().certificateChainPEM)
      let bundle = try await state.bundle()
      var rows = [
        ("agent", "\(enrolment.agent)"),
        ("organisation", enrolment.organisation),
        ("segment", enrolment.segment),
        ("control plane", enrolment.linkAddress),
        ("clients reach it at", enrolment.clientAddress),
        ("enrolled", time(enrolment.enrolledAt)),
        ("certificate until", time(certificate.notAfter)),
        ("bundle", bundle.map { "version \($0.version)" } ?? "none yet"),
      ]
      if let conflict = try await state.controlConflict() {
        let accepted = conflict.acceptance.map { "accepted (\"\($0)\"), not taken up yet" }
        rows.append(("control plane's log", accepted ?? "not the one it was: see `health`"))
      }
      for cursor in try await state.shippingCursors() {
        rows.append(
          ("shipped \(cursor.epoch)/\(cursor.lane)", "up to record \(cursor.nextSeq)"))
      }
      let width = rows.map(\.0.count).max() ?? 0
      for (name, value) in rows {
        print(name.padding(toLength: width, withPad: " ", startingAt: 0) + "  " + value)
      }
    }
  }

  private func time(_ time: WallTime) -> String {
    Date(timeIntervalSince1970: Double(time.unixNanoseconds) / 1e9).formatted(.iso8601)
  }
}
