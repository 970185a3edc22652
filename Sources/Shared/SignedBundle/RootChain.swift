/// Follows the chain of root documents from one that is trusted.
package struct RootChain: Sendable {
  /// A root document is a few kilobytes.
  package static let maximumBytes = 64 * 1024
  /// The most steps that are taken at once, which bounds what a peer can ask for.
  package static let maximumSteps = 1000

  /// Verifies a chain whose first document is trusted for where it comes from: the answer to an
  /// enrolment, or the agent's own state.
  ///
  /// - Returns: All its documents, at least one.
  /// - Throws: ``BundleError``
  package static func begin(
    _ envelopes: [[UInt8]], organisation: String
  ) throws(BundleError) -> [SignedRoot] {
    guard let first = envelopes.first else {
      throw BundleError(code: .malformed, message: "the chain of root documents is empty")
    }
    let root = try read(first, organisation: organisation)
    return try [root] + follow(Array(envelopes.dropFirst()), from: root.document)
  }

  /// Verifies the documents that follow `trusted`, in order and without a gap.
  ///
  /// Those up to the version of `trusted` are passed over: a repeat is no step.
  /// - Returns: The new documents; the last is the one in force.
  /// - Throws: ``BundleError`` `version` for a gap, `signature` when too few of the old root keys or
  ///   of the new have signed, `audience`, `malformed`. Nothing of the chain is taken then.
  package static func follow(
    _ envelopes: [[UInt8]], from trusted: RootDocument
  ) throws(BundleError) -> [SignedRoot] {
    guard envelopes.count <= maximumSteps else {
      throw BundleError(
        code: .tooLarge,
        message: "\(envelopes.count) root documents at once, over the limit of \(maximumSteps)")
    }
    var newest = trusted
    var steps: [SignedRoot] = []
    for envelope in envelopes {
      let step = try read(
        envelope, organisation: trusted.organisation, after: newest)
      guard let step else { continue }
      newest = step.document
      steps.append(step)
    }
    return steps
  }

  private static func read(
    _ envelope: [UInt8], organisation: String
  ) throws(BundleError) -> SignedRoot {
    let parsed = try parse(envelope)
    let document = try SignedDocument.payload(RootDocument.self, of: parsed)
    try check(document, organisation: organisation)
    try checkOwn(document, parsed)
    return SignedRoot(document: document, envelope: envelope)
  }

  /// `nil` for a document that is no newer than `trusted`.
  private static func read(
    _ envelope: [UInt8], organisation: String, after trusted: RootDocument
  ) throws(BundleError) -> SignedRoot? {
    let parsed = try parse(envelope)
    // Whether to trust what it says is decided by who signed it, and that is read from `trusted`.
    let signers = SignedDocument.signers(of: parsed, among: trusted.rootKeys)
    let claimed = parsed.claimedVersion ?? 0
    if claimed <= trusted.version { return nil }
    guard signers >= trusted.rootThreshold else {
      throw BundleError(
        code: .signature,
        message: "root version \(claimed) has \(signers) of the \(trusted.rootThreshold) signatures"
          + " by root keys of version \(trusted.version): have it signed by the keys before it too")
    }
    let document = try SignedDocument.payload(RootDocument.self, of: parsed)
    try check(document, organisation: organisation)
    guard document.version > trusted.version, document.version - 1 == trusted.version else {
      throw BundleError(
        code: .version,
        message: "root version \(document.version) does not follow version \(trusted.version):"
          + " send those between them too")
    }
    try checkOwn(document, parsed)
    return SignedRoot(document: document, envelope: envelope)
  }

  private static func parse(_ envelope: [UInt8]) throws(BundleError) -> Envelope {
    guard envelope.count <= maximumBytes else {
      throw BundleError(
        code: .tooLarge,
        message: "the root document is \(envelope.count) bytes, over the limit of \(maximumBytes)")
    }
    return try SignedDocument.envelope(envelope, type: Envelope.rootType)
  }

  private static func check(
    _ document: RootDocument, organisation: String
  ) throws(BundleError) {
    guard document.organisation == organisation else {
      throw BundleError(
        code: .audience,
        message: "the root document is of \"\(document.organisation)\", this agent serves"
          + " \"\(organisation)\"")
    }
    if let flaw = document.flaw {
      throw BundleError(
        code: .malformed, message: "root version \(document.version) is not usable: \(flaw)")
    }
  }

  private static func checkOwn(
    _ document: RootDocument, _ envelope: Envelope
  ) throws(BundleError) {
    let signers = SignedDocument.signers(of: envelope, among: document.rootKeys)
    guard signers >= document.rootThreshold else {
      throw BundleError(
        code: .signature,
        message: "root version \(document.version) has \(signers) of the"
          + " \(document.rootThreshold) signatures by its own root keys: have it signed by them")
    }
  }
}
