package import AgentState
internal import AuditLog
internal import Foundation

/// How a person is told of the control plane's own log.
package enum ControlLogText {
  /// Size and root of a signed note, without a look at its signature.
  package static func head(_ note: [UInt8]?) -> String {
    guard let note else { return "none yet" }
    guard let signed = SignedNote(bytes: note), let head = Checkpoint(text: signed.text) else {
      return "not readable"
    }
    let root = Data(head.root.bytes).base64EncodedString()
    return "\(head.size) records, root \(root)"
  }

  /// Whether an acceptance can end a conflict: nothing is trusted that another key has signed.
  package static func canBeAccepted(_ conflict: ControlLogConflict) -> Bool {
    WitnessConflictRecord.Reason(rawValue: conflict.reason) != .signature
  }
}
