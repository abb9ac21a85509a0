// Package ucwatest is a UCWA server double: it plays a scenario to whoever
// signs in, over real HTTP, as a Skype for Business front end would, and lets
// everybody in the scenario talk with everybody else.
//
// A client discovers it at its root URL, is challenged for a token, creates an
// application, makes itself available and holds the P-GET; what happens then is
// written in the scenario. See Scenario for the form. The history of a scenario
// passes in simulated time: the server's clock jumps to each step as its batch
// is released, and follows real time once the history has ended.
//
// Servers differ: Options choose among the variants that are documented or were
// recorded. TestConformance is the list of what clients of other makers rely
// on; docs/simulator.md is for their authors.
package ucwatest
