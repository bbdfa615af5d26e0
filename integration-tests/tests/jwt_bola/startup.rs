//! What the filter adds to Envoy's start.

use portcullis_integration_tests::startup_stays_within_budget;

use crate::gate::{config, filter, users};

#[tokio::test(flavor = "multi_thread")]
async fn the_start_stays_within_its_budget() {
    let mut config = config(&users());
    config.as_object_mut().unwrap().remove("audit");
    startup_stays_within_budget("jwt_bola", filter(&config)).await;
}
