import Testing
import Volute

@Suite struct ScheduleTests {
  @Test func aRiseOfOneStepStartsAtTheTop() {
    let schedule = OneCycleLR(maximum: 0.5, total: 10, rise: 0.1)
    #expect(schedule.rate(at: 0, initial: 1) == 0.5)
    let rates = (0..<10).map { schedule.rate(at: $0, initial: 1) }
    #expect(zip(rates, rates.dropFirst()).allSatisfy { $0 > $1 })
  }
}
