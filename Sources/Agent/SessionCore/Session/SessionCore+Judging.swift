internal import GatewayModel

extension SessionCore {
  /// How many portals with names are looked at one by one.
  private static let maximumJudgedPortals = 64

  /// Judges what is to be executed.
  ///
  /// FETCH and MOVE also run portals of the protocol, whose texts they do not show, and which may have
  /// been bound under another policy: each that is there is judged with them.
  func judgement(on facts: StatementFacts) -> StatementJudgement {
    let judge = configuration.judge
    let own = judge.judge(facts)
    guard own.verdict == .allow, pipeline.catalogue.hasNamedPortals, facts.movesCursors else {
      return own
    }
    guard
      let texts = pipeline.catalogue.textsOfNamedPortals(limit: Self.maximumJudgedPortals)
    else { return judge.judge(.opaque(.prepared)) }
    for text in texts {
      let judgement = judge.judge(text.facts)
      if judgement.verdict != .allow { return judgement }
    }
    return own
  }
}

extension StatementFacts {
  fileprivate var movesCursors: Bool { commands.contains { $0 == "FETCH" || $0 == "MOVE" } }
}
