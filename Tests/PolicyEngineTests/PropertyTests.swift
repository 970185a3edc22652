import Foundation
import GatewayModel
import Testing

@testable import PolicyEngine

/// What holds for every set of policies.
@Suite struct PropertyTests {
  private static let runs: ClosedRange<UInt64> = 1...4000

  private func decide(
    _ documents: [PolicyDocument], _ facts: StatementFacts, _ request: EntryRequest
  ) -> PolicyDecision {
    Sample.decide(documents, facts, request, at: request.at)
  }

  @Test func denyBeatsEverything() {
    for seed in Self.runs {
      var walk = PolicyWalk(seed: seed)
      let (documents, facts, request) = (walk.documents(), walk.facts(), walk.request())
      let deny = Sample.deny("last", .init(commands: ["*"]))
      let decision = decide(
        documents + [Sample.policy([], [deny], name: "z")], facts, request)
      #expect(decision.verdict == .deny, "seed \(seed)")
    }
  }

  @Test func oneMoreDenyNeverAllowsMore() {
    var allowed = 0
    for seed in Self.runs {
      var walk = PolicyWalk(seed: seed)
      let (documents, facts, request) = (walk.documents(), walk.facts(), walk.request())
      let deny = PolicyRule(name: "new", action: .deny(walk.match()))
      let before = decide(documents, facts, request)
      let after = decide(
        [Sample.policy([], [deny], name: "new")] + documents, facts, request)
      if after.verdict != .deny { #expect(after.verdict == before.verdict, "seed \(seed)") }
      if before.verdict == .deny { #expect(after.verdict == .deny, "seed \(seed)") }
      allowed += before.verdict == .allow ? 1 : 0
    }
    #expect(allowed > 200, "the walk allows too little to say anything: \(allowed)")
  }

  @Test func oneMoreGrantBehindNeverDeniesMore() {
    for seed in Self.runs {
      var walk = PolicyWalk(seed: seed)
      let (documents, facts, request) = (walk.documents(), walk.facts(), walk.request())
      let before = decide(documents, facts, request)
      let more = Sample.policy([walk.grant("new")], name: "new")
      let after = decide(documents + [more], facts, request)
      if before.verdict != .deny { #expect(after.verdict == before.verdict, "seed \(seed)") }
      let set = PolicySet(documents)
      if case .allow = set.entry(request) {
        #expect(set.entry(request) == PolicySet(documents + [more]).entry(request), "seed \(seed)")
      }
    }
  }

  @Test func whatObservesDecidesNothing() {
    for seed in Self.runs {
      var walk = PolicyWalk(seed: seed)
      let (documents, facts, request) = (walk.documents(), walk.facts(), walk.request())
      var watching = walk.document("watching")
      watching.mode = .observe
      let before = decide(documents, facts, request)
      var after = decide([watching] + documents, facts, request)
      after.observed = before.observed
      // That somebody is exempt from what observes may be told.
      after.exemption = before.exemption
      #expect(after == before, "seed \(seed)")
      #expect(
        PolicySet([watching] + documents).entry(request).isAllowed
          == PolicySet(documents).entry(request).isAllowed, "seed \(seed)")
    }
  }

  /// Read off the steps, as a person would, and not taken from the decision.
  @Test func explanationAgreesWithTheDecision() {
    var verdicts: Set<PolicyDecision.Verdict> = []
    for seed in Self.runs {
      var walk = PolicyWalk(seed: seed)
      let (documents, facts, request) = (walk.documents(), walk.facts(), walk.request())
      let session = PolicySet(documents).session(request, role: "app")
      let explanation = session.explain(facts, at: request.at)
      let decision = session.decide(facts, at: request.at)
      #expect(explanation.decision == decision)
      verdicts.insert(decision.verdict)
      let isPinned = decision.message.contains("is fixed by the grant")
      let effective = explanation.steps.filter { [.matched, .decided].contains($0.outcome) }
      let first = { (kind: ExplanationStep.Kind) in effective.first { $0.kind == kind } }
      let expected: (PolicyDecision.Verdict, ExplanationStep?) =
        if let deny = first(.deny) {
          (.deny, deny)
        } else if isPinned {
          (.deny, effective.first { $0.outcome == .decided })
        } else if let grant = first(.grant) {
          first(.hold).map { (.hold, $0) } ?? (.allow, grant)
        } else {
          (.deny, nil)
        }
      #expect(decision.verdict == expected.0, "seed \(seed)")
      #expect(decision.rule == expected.1?.name ?? "", "seed \(seed)")
      #expect(expected.1 == nil || expected.1?.outcome == .decided, "seed \(seed)")
      #expect(explanation.steps.filter { $0.outcome == .decided }.count <= 1, "seed \(seed)")
      #expect(explanation.steps.allSatisfy { !$0.reason.isEmpty }, "seed \(seed)")
      #expect(decision.masks.map(\.rule) == effective.filter { $0.kind == .mask }.map(\.name))
    }
    #expect(verdicts.count == 3)
  }

  @Test func documentsSurviveTheirJSON() throws {
    for seed in Self.runs where seed % 8 == 0 {
      var walk = PolicyWalk(seed: seed)
      let documents = walk.documents()
      let data = try JSONEncoder().encode(documents)
      #expect(try JSONDecoder().decode([PolicyDocument].self, from: data) == documents)
    }
  }
}

extension EntryDecision {
  var isAllowed: Bool {
    if case .allow = self { true } else { false }
  }
}
