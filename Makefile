# make run | test | bench | format. The runtime flavour (real Orleans, or lib/Orleans.InProcess where the package
# source lacks it) is found out once and remembered under artifacts/; OrleansKafkaRuntime=... overrides it.

FLAVOUR_FILE := artifacts/runtime-flavour
CONFIGURATION ?= Release
ARGS ?=

ifeq ($(origin OrleansKafkaRuntime), undefined)
NEEDS_FLAVOUR := $(FLAVOUR_FILE)
WITH_FLAVOUR = OrleansKafkaRuntime=$$(cat $(FLAVOUR_FILE))
else
export OrleansKafkaRuntime
NEEDS_FLAVOUR :=
WITH_FLAVOUR =
endif

.PHONY: help build run kafka-log test crash simulate churn bench format flavour clean
.DEFAULT_GOAL := help

help:
	@echo "make run     start a broker with the settings of appsettings.json (more: ARGS=\"--Kafka:node.id=2\")"
	@echo "make kafka-log ARGS=\"verify DIR\"   look into a log directory (dump, verify, repair)"
	@echo "make test    run all tests"
	@echo "make crash   kill -9 a broker under load, twenty times, and look for what it acknowledged"
	@echo "make simulate  play 100,000 random histories of the log on a disk that fails (SEEDS=..., FIRST_SEED=... for others)"
	@echo "make churn   let members of groups come, leave and die for a minute, and look for what they read"
	@echo "make bench   measure, each row beside its floor"
	@echo "make format  check the formatting"
	@echo "make flavour say which runtime is used, and look again"

build: $(NEEDS_FLAVOUR)
	$(WITH_FLAVOUR) dotnet build Orleans.Kafka.sln -c $(CONFIGURATION) -v q

run: $(NEEDS_FLAVOUR)
	$(WITH_FLAVOUR) dotnet run --project src/Silo -c $(CONFIGURATION) -- $(ARGS)

kafka-log: $(NEEDS_FLAVOUR)
	@$(WITH_FLAVOUR) dotnet run --project src/KafkaLog -c $(CONFIGURATION) -- $(ARGS)

test: $(NEEDS_FLAVOUR)
	$(WITH_FLAVOUR) dotnet test Orleans.Kafka.sln -c $(CONFIGURATION) $(ARGS)

crash: $(NEEDS_FLAVOUR)
	$(WITH_FLAVOUR) ORLEANS_KAFKA_CRASH_REPETITIONS=20 ORLEANS_KAFKA_REQUIRE_CLIENTS=1 dotnet test tests/Interop.Tests \
		-c $(CONFIGURATION) --filter FullyQualifiedName~CrashTests

SEEDS ?= 100000
FIRST_SEED ?= 0

simulate: $(NEEDS_FLAVOUR)
	$(WITH_FLAVOUR) ORLEANS_KAFKA_SEEDS=$(SEEDS) ORLEANS_KAFKA_FIRST_SEED=$(FIRST_SEED) dotnet test tests/Simulation.Tests -c $(CONFIGURATION)

churn: $(NEEDS_FLAVOUR)
	$(WITH_FLAVOUR) ORLEANS_KAFKA_CHURN_SECONDS=60 ORLEANS_KAFKA_REQUIRE_CLIENTS=1 dotnet test tests/Interop.Tests \
		-c $(CONFIGURATION) --filter FullyQualifiedName~GroupChurnTests --logger "console;verbosity=detailed"

bench: $(NEEDS_FLAVOUR)
	$(WITH_FLAVOUR) bench/run $(ARGS)

# The formatter sees generated code only where the generators are built.
format: build
	$(WITH_FLAVOUR) Configuration=$(CONFIGURATION) dotnet format Orleans.Kafka.sln --verify-no-changes --no-restore $(ARGS)

flavour:
	@rm -f $(FLAVOUR_FILE)
	@$(MAKE) --no-print-directory $(FLAVOUR_FILE)
	@cat $(FLAVOUR_FILE)

# Package versions decide what is asked for, so a change of them asks again.
$(FLAVOUR_FILE): Directory.Packages.props build/OrleansProbe/OrleansProbe.csproj
	@mkdir -p $(@D)
	@if OrleansKafkaRuntime=Orleans dotnet restore build/OrleansProbe -v q > $(@D)/runtime-probe.log 2>&1; \
		then echo Orleans > $@; \
		else echo InProcess > $@; \
			echo "Real Orleans does not restore here (artifacts/runtime-probe.log): using lib/Orleans.InProcess." >&2; fi

clean:
	rm -rf artifacts
