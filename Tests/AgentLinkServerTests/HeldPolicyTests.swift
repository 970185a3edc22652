import Testing

@testable import AgentLinkServer

@Suite struct HeldPolicyTests {
  private typealias Versions = HeldPolicy.Versions

  @Test func `what was refused is sent again from what is held`() {
    let held = HeldPolicy()
    held.greet(Versions(bundle: 5, root: 1))
    #expect(held.takeRefusal() == nil)
    held.take("bundle", version: 6, accepted: true)
    #expect(held.takeRefusal() == nil)
    held.take("bundle", version: 7, accepted: false)
    #expect(held.takeRefusal() == Versions(bundle: 6, root: 1))
    // Once: the same again would be a loop without a refusal in it.
    #expect(held.takeRefusal() == nil)
    // A lease says that its bundle has not come.
    held.take("lease", version: 7, accepted: false)
    #expect(held.takeRefusal() == Versions(bundle: 6, root: 1))
  }

  @Test func `only what is held counts as held`() {
    let held = HeldPolicy()
    // Of agents that name no document, and of documents that are not known here.
    held.take("", version: 7, accepted: true)
    held.take("revocations", version: 99, accepted: true)
    held.take("lease", version: 50, accepted: true)
    held.take("root", version: 2, accepted: true)
    held.take("root", version: 3, accepted: false)
    #expect(held.takeRefusal() == Versions(bundle: 7, root: 2))
    held.take("bundle", version: 4, accepted: true)
    held.take("bundle", version: 8, accepted: false)
    #expect(held.takeRefusal() == Versions(bundle: 7, root: 2))
  }
}
