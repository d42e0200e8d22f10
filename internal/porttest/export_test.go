package porttest

// CaseNames returns the names of all cases, by suite.
func CaseNames() map[string][]string {
	fair := scenario[*mail]{fairName, fairGroups}
	return map[string][]string{
		"table":    namesOf(rowCases, transactionCases, queryCases),
		"blobs":    namesOf(objectCases, listCases, writerCases, presignCases),
		"queue":    namesOf(queueCases, []scenario[*mail]{fair}),
		"workflow": namesOf(workflowCases),
	}
}

func namesOf[S any](lists ...[]scenario[S]) (names []string) {
	for _, list := range lists {
		for _, c := range list {
			names = append(names, c.name)
		}
	}
	return names
}
