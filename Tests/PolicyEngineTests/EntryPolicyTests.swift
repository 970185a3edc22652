import GatewayModel
import PolicyEngine
import Testing

@Suite struct EntryPolicyTests {
  private let orders = Connection(
    id: Identifier128(high: 1, low: 1), name: "orders", segment: "test", host: "db", port: 5432,
    database: "orders", tls: .verifyFull)
  private let alice = Principal(
    issuer: "sallyport", subject: "alice@example.com", groups: ["analysts"])

  private func policy(_ grants: Grant...) -> EntryPolicy { EntryPolicy(grants: grants) }

  private let analystsRead = Grant(
    name: "analysts-read", to: .group("analysts"), connection: "orders", role: "readonly")
  private let aliceOwner = Grant(
    name: "alice-owner", to: .principal("alice@example.com"), connection: "orders", role: "owner")

  @Test func noGrantMeansNoEntry() {
    let decision = policy().decide(principal: alice, connection: orders, requestedRole: nil)
    #expect(decision == .deny(.noGrant))
  }

  @Test func grantOfAnotherConnectionDoesNotCount() {
    let billing = Grant(
      name: "billing", to: .group("analysts"), connection: "billing", role: "readonly")
    let decision = policy(billing).decide(principal: alice, connection: orders, requestedRole: nil)
    #expect(decision == .deny(.noGrant))
  }

  @Test func groupIsNotMatchedByASubjectOfThatName() {
    let impostor = Principal(issuer: "sallyport", subject: "analysts")
    let decision = policy(analystsRead).decide(
      principal: impostor, connection: orders, requestedRole: nil)
    #expect(decision == .deny(.noGrant))
  }

  @Test(arguments: [nil, "", "alice@example.com"])
  func clientThatNamesNoRoleGetsTheFirstGrant(user: String?) {
    let decision = policy(analystsRead, aliceOwner).decide(
      principal: alice, connection: orders, requestedRole: user)
    #expect(decision == .allow(grant: analystsRead, role: "readonly"))
  }

  @Test func clientMayNameAGrantedRole() {
    let decision = policy(analystsRead, aliceOwner).decide(
      principal: alice, connection: orders, requestedRole: "owner")
    #expect(decision == .allow(grant: aliceOwner, role: "owner"))
  }

  @Test func roleThatIsNotGrantedIsRefused() {
    let decision = policy(analystsRead).decide(
      principal: alice, connection: orders, requestedRole: "postgres")
    #expect(decision == .deny(.roleNotGranted))
  }
}
